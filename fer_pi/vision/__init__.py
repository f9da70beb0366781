"""From a grey picture to faces, crops and scores."""
