"""Cron expressions as they are usually written: five fields, Sunday is 0 or 7."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from aimo.errors import ConfigurationError

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def cron_trigger(expression: str, zone: ZoneInfo, name: str) -> CronTrigger:
    """Return the trigger of a five-field cron expression.

    Raises:
        ConfigurationError: it is none; ``name`` is the variable that holds it.
    """
    fields = expression.split()
    try:
        if len(fields) != 5:
            raise ValueError("it must have five fields")
        minute, hour, day, month, weekday = fields
        return CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=zone
        )
    except ValueError as error:
        raise ConfigurationError(f"{name}={expression!r} is no cron expression: {error}") from None


def _weekdays(field: str) -> str:
    """Return the field with every day by name: the scheduler library counts days from Monday."""
    if field in ("*", "?"):
        return "*"
    days: set[int] = set()
    for item in field.lower().split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        start = 0 if first == "*" else _day(first)
        end = _day(last) if last else (6 if first == "*" or step else start)
        days.update(number % 7 for number in range(start, end + 1, int(step or 1)))
    if not days:
        raise ValueError("no day of the week")
    return ",".join(_DAYS[number] for number in sorted(days))


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"{text!r} is no day of the week")
