"""What Django raises while the database cannot be used: nobody's input is wrong, and later it works again."""

from django.db import InterfaceError, InternalError, OperationalError

#: Away, locked, silent; closed meanwhile; and for reading only, as PostgreSQL is once it is another's copy.
DATABASE_FAULTS = (OperationalError, InterfaceError, InternalError)


def reason_of(fault: BaseException) -> str:
    """What a database says, in a line."""
    return (str(fault).splitlines() or [type(fault).__name__])[0]
