"""Runs a program on a pseudo terminal and relays it to standard input and output.

Usage: relay.py COLUMNSxROWS PROGRAM [ARGUMENT...]

Writes "pid N" as the first line to standard error, and "exit N" as the last. When it is killed, the terminal hangs
up, as it does when an SSH session ends. A size of 0x0 is what serial lines tell.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

columns, rows = (int(part) for part in sys.argv[1].split("x"))
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
sys.stderr.write(f"pid {pid}\n")
sys.stderr.flush()

sources = [master, 0]
while True:
    readable, _, _ = select.select(sources, [], [])
    if master in readable:
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b""
        if not data:
            break
        os.write(1, data)
    if 0 in readable:
        data = os.read(0, 65536)
        if not data:
            sources.remove(0)
        while data:
            data = data[os.write(master, data):]

_, status = os.waitpid(pid, 0)
sys.stderr.write(f"exit {os.waitstatus_to_exitcode(status)}\n")
