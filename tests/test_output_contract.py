"""The contract of all outputs: the fake one keeps it, and what breaks it is noticed."""

import pytest

from fer_pi.testing.outputs import RecordingOutput, check_output_contract
from fer_pi.types import Output


def test_the_recording_output_keeps_the_contract_of_outputs() -> None:
    made: list[RecordingOutput] = []

    def make() -> Output:
        made.append(RecordingOutput())
        return made[-1]

    check_output_contract(make, lambda: all(output.closed for output in made))


def test_the_contract_notices_an_output_that_stays_lit() -> None:
    with pytest.raises(AssertionError, match="not dark after close"):
        check_output_contract(RecordingOutput, lambda: False)


def test_the_contract_notices_an_output_that_shows_after_close() -> None:
    class Undead(RecordingOutput):
        def show(self, reading: object) -> None:
            """Shows whatever the state."""

    with pytest.raises(AssertionError, match="after it was closed"):
        check_output_contract(Undead, lambda: True)
