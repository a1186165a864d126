"""Parts of the image build. Standard library of Python 3.11 and later; no third-party module."""
