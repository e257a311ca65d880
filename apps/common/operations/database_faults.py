"""What Django raises while the database cannot be used: nobody's input is wrong, and later it works again."""

from django.db import InterfaceError, InternalError, OperationalError

#: Away, locked, silent; closed meanwhile; and for reading only, as PostgreSQL is once it is another's copy.
DATABASE_FAULTS = (OperationalError, InterfaceError, InternalError)
