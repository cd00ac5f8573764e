"""`python -m facsim`."""

from facsim.cli.main import main

if __name__ == "__main__":
    main()
