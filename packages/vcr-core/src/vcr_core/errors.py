"""The root of every error that Agent VCR raises.

Each package has one base below `VcrError`; the leaves stand beside the code that raises them.  Only what has no
better home is defined here.  Those of the core that most programs meet::

    VcrError
    ├── UsageError              arguments that contradict each other    (here)
    ├── SessionIdError          a session id that is not a plain name   (session_ids)
    ├── FormatError             a file or line that cannot be read      (wire_format)
    ├── DamagedFrameError       a frame whose line cannot be decoded    (session_file)
    ├── MissingStateError       a state that leans on what is not there (state_reader)
    ├── SessionNotFoundError    no such session                         (store)
    ├── RecordingError          recording could not be completed        (session_writer)
    ├── FrameIndexError         no such frame                           (lazy_sequence)
    ├── CheckpointNotFoundError no such checkpoint                      (player)
    ├── StepError               base of errors about steps              (engine)
    │   ├── DivergenceError     the running agent left its tape         (engine)
    │   └── InDoubtError        an effect that may have happened        (engine)
    └── PluginError             an entry point could not be loaded      (plugins)

A message says what happened, where, what was expected and what to do next.  Attributes carry the same facts as data.
"""

from __future__ import annotations


class VcrError(Exception):
    """Base of all errors of Agent VCR: catch this one to catch them all.

    Subclasses with keyword data keep it in ``__dict__``, and restore from there when unpickled, so every error may
    cross a process boundary.
    """

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))


def _rebuild(cls: type[VcrError], args: tuple[object, ...], attributes: dict[str, object]) -> VcrError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class UsageError(VcrError):
    """A call whose arguments contradict each other; the message names the right form."""
