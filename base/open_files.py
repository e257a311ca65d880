"""How many connections a web process takes: each is an open file, and whatever answers them opens files, too.

Systems allow a process 1,024 at first, and far more to who asks. A thousand connections beside the databases were too
many: the process could take none any more, and ended with all that it was answering.
"""

import resource

#: gunicorn's own number; clients beyond wait with the system, or make room.
MOST_CONNECTIONS = 1_000
#: Of a web process beside its clients: 18 when it starts, and of each thread a database, its log, the counters of
#: throttling, a file that comes up and a store. 33 were measured with four threads.
OWN_FILES, FILES_A_THREAD = 100, 20
#: With fewer nobody can be served; a process whose limit is so low makes room as it goes.
LEAST_CONNECTIONS = 32


def connections_with(threads: int) -> int:
    """As many as the system leaves room for, once this process and its children are allowed what they need."""
    own = OWN_FILES + FILES_A_THREAD * threads
    return max(LEAST_CONNECTIONS, min(MOST_CONNECTIONS, _allowed(MOST_CONNECTIONS + own) - own))


def _allowed(wanted: int) -> int:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now == resource.RLIM_INFINITY or now >= wanted:
        return wanted
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return allowed
