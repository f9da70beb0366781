/* Writes down how bright the LED is, 20 times a second: a line of seconds (monotonic), red, green, blue, each 0 to 1.
 *
 * usage: led-log PIN PIN PIN    the pins of gpio-sim's first chip; each is looked at 400 times a second, for it is
 *                               switched on and off 100 times a second to look dimmer than it is
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 20, LOOK_NS = 2500000 };

static int opened(const char *pin)
{
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof pattern, "/sys/devices/platform/gpio-sim*/gpiochip*/sim_gpio%s/value", pin);
    while (glob(pattern, 0, NULL, &found) != 0)
        usleep(50000);
    return open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
}

int main(int argc, char **argv)
{
    struct timespec due, now;
    int pins[3], i, look;
    char level;

    if (argc != 4)
        return 64;
    for (i = 0; i < 3; i++)
        pins[i] = opened(argv[1 + i]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        int lit[3] = {0, 0, 0};
        for (look = 0; look < LOOKS; look++) {
            due.tv_nsec += LOOK_NS;
            if (due.tv_nsec >= 1000000000) {
                due.tv_nsec -= 1000000000;
                due.tv_sec++;
            }
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
            for (i = 0; i < 3; i++)
                if (pread(pins[i], &level, 1, 0) == 1)
                    lit[i] += level == '1';
                else
                    return 1; /* the chip is gone */
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("%lld.%03ld %.2f %.2f %.2f\n", (long long)now.tv_sec, now.tv_nsec / 1000000, lit[0] / (double)LOOKS,
               lit[1] / (double)LOOKS, lit[2] / (double)LOOKS);
        due = now; /* on a busy computer it looks less often, but never lags behind */
    }
}
