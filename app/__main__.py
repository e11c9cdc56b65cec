"""The ``chargecloud`` command; ``python -m app`` is the same."""

from app.cli import Cli
from app.factory import create_app

main = Cli(create_app)

if __name__ == "__main__":
    main()
