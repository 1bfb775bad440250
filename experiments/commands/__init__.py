"""One sub-command of ``seqyard`` a module; each has ``main(arguments) -> exit code``."""
