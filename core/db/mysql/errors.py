"""Why the pool gave no connection; Django turns all into its OperationalError.

The numbers are those that MySQL itself uses for the same condition.
"""

from pymysql.constants import CR, ER
from pymysql.err import OperationalError

# The server has no room; another connection's end will make some.
SERVER_FULL = {ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED}
# Nobody answers there; unlike a wrong password, all further attempts are in vain.
SERVER_DOWN = {CR.CR_CONNECTION_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_UNKNOWN_HOST}
SERVER_DOWN |= {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST}


def code_of(error: BaseException) -> int:
    """Give the error number of MySQL, 0 if there is none."""
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


class PoolError(OperationalError):
    number = CR.CR_UNKNOWN_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(self.number, message)


class PoolTimeout(PoolError):
    """All connections stayed in use until the deadline."""

    number = ER.CON_COUNT_ERROR


class PoolExhausted(PoolError):
    """All connections are in use and waiting is not allowed."""

    number = ER.CON_COUNT_ERROR


class PoolDown(PoolError):
    """The server did not answer a moment ago; it is asked again soon."""

    number = CR.CR_CONN_HOST_ERROR


class PoolClosed(PoolError):
    """The pool was closed; a new one is made for the next request."""

    number = ER.SERVER_SHUTDOWN
