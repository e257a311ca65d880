"""What a broker that is away or refuses raises when something is sent to it."""

from kombu.exceptions import ChannelError, OperationalError

BROKER_FAULTS = (OperationalError, ChannelError, OSError)
