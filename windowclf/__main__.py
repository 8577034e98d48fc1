"""What `python -m windowclf` does: the same as the command `windowclf`."""

from windowclf.commands.entry import main

if __name__ == "__main__":
    main()
