"""The ``chargecloud`` command; ``python -m app`` is the same."""

import signal

# Until the command line can report it, Ctrl-C ends the imports without a traceback. A shell that
# starts this in the background has it ignored, and it stays so.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from app.cli import Cli
from app.factory import create_app

main = Cli(create_app)

if __name__ == "__main__":
    main()
