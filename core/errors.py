"""The one family of errors.

Every message is written for the artist who will read it in a dialog or a terminal:
first what is wrong, then what to do about it. Anything that is not a `FaceVeilError`
is a bug of ours and keeps its traceback.
"""


class FaceVeilError(Exception):
    """Something the user can mend; the command line ends with exit code 2."""


class InputError(FaceVeilError):
    """A picture, a mask or an option cannot be used as given."""


class NoFaceError(InputError):
    """No usable face where one is needed."""


class Unread(InputError):
    """A file that could not be read just now, and may be later."""


class ModelError(FaceVeilError):
    """Weights are missing, damaged, or of a kind we do not understand."""


class ServiceError(FaceVeilError):
    """A service on the net refused, failed, or could not be reached."""


class OutputError(FaceVeilError):
    """A result could not be written; nothing that existed before was touched."""


class Cancelled(FaceVeilError):
    """The user stopped the work; finished results stay."""
