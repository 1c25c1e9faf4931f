"""What a command says when the user's input cannot be served."""

PREFIX = "platehost: "  # of every such sentence


class UserError(Exception):
    """A mistake that the user can mend. Its one sentence goes to stderr and the command ends with status 1."""
