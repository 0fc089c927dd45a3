"""What a command ends with when it cannot be done."""


class CommandError(Exception):
    """The text is a sentence for the user: what is wrong, where, and what to do."""
