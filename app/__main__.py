"""The ``chargecloud`` command; ``python -m app`` is the same."""

import signal

# Python would raise KeyboardInterrupt wherever it is. In a callback of the import system that is
# printed and lost, and the program goes on. So Ctrl-C ends the process while it imports. A shell
# that starts this in the background has it ignored, and it stays so.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from app.cli import Cli
from app.factory import create_app

main = Cli(create_app)

if __name__ == "__main__":
    main()
