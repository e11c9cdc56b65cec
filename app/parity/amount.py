"""Numbers of things, as reports say them."""


def amount(number: int, thing: str) -> str:
    """Return a number with its thing: ``1 answer``, ``2,002 answers``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
