"""Motion of an axis with limited speed and acceleration, as segments (duration, acceleration, x, v) from rest to rest."""

from math import copysign, sqrt


def brake(x, v, rate):
    return [(abs(v) / rate, -copysign(rate, v), x, v)]


def plan(x, v, target, speed, rate):
    """From position x with velocity v to rest at target. An axis that would overshoot brakes and comes back."""
    away = v * abs(v) / (2 * rate)  # where braking now would end, relative to x
    if v and (target - x - away) * v < 0:
        first = brake(x, v, rate)
        return first + plan(x + away, 0.0, target, speed, rate)
    direction = 1.0 if target >= x else -1.0
    distance, v0 = abs(target - x), abs(v)
    peak = max(v0, min(speed, sqrt(rate * distance + v0 * v0 / 2)))
    ramps = (2 * peak * peak - v0 * v0) / (2 * rate)
    cruise = max(0.0, distance - ramps) / peak if peak else 0.0
    up, down = (peak - v0) / rate, peak / rate
    x1 = x + direction * (v0 + peak) / 2 * up
    x2 = x1 + direction * peak * cruise
    return [
        (up, direction * rate, x, v),
        (cruise, 0.0, x1, direction * peak),
        (down, -direction * rate, x2, direction * peak),
        (0.0, 0.0, target, 0.0),
    ]


def position(segments, elapsed):
    for duration, rate, x, v in segments:
        if elapsed < duration:
            return x + v * elapsed + rate * elapsed * elapsed / 2, v + rate * elapsed
        elapsed -= duration
    duration, rate, x, v = segments[-1]
    return x + v * duration + rate * duration * duration / 2, 0.0
