"""An MTA's side of the milter protocol, as far as bench/worst needs it."""
import re
import socket
import struct

# All actions are allowed, and a filter may leave out what stages and what replies it likes, but for leading white space.
ACTIONS, STAGES = 0x1FF, 0xFFFFF
CHUNK = 65535
# For each stage: its letter, the bit that leaves it out, the bit that leaves out its reply.
CONNECT, HELO, MAIL, RCPT = (b"C", 0x1, 0x1000), (b"H", 0x2, 0x2000), (b"M", 0x4, 0x4000), (b"R", 0x8, 0x8000)
FIELD, END_OF_HEADER, BODY = (b"L", 0x20, 0x80), (b"N", 0x40, 0x40000), (b"B", 0x10, 0x80000)


class Milter:
    def __init__(self, port, client="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.waiting = b"", bytearray()
        self.send(b"O", struct.pack(">III", 6, ACTIONS, STAGES))
        _, body = self.receive()
        self.left_out = struct.unpack(">I", body[8:12])[0]
        self.stage(CONNECT, b"client.example\0" + b"4" + struct.pack(">H", 25) + client.encode() + b"\0")
        self.stage(HELO, b"client.example\0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, command, data=b""):
        """Packets gather until a reply is due, as in Postfix."""
        self.waiting += struct.pack(">I", len(data) + 1) + command + data
        if len(self.waiting) > 1 << 17:
            self.flush()

    def flush(self):
        self.socket.sendall(self.waiting)
        self.waiting.clear()

    def receive(self):
        self.flush()
        while True:
            if len(self.buffer) >= 4:
                size = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + size:
                    packet, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
                    return packet[:1], packet[1:]
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise EOFError("the filter has closed the connection")
            self.buffer += piece

    def stage(self, stage, data):
        """False where the filter wants no more of this message."""
        command, left_out, quiet = stage
        if self.left_out & left_out:
            return True
        self.send(command, data)
        return bool(self.left_out & quiet) or self.receive()[0] == b"c"

    def envelope(self):
        self.send(b"D", b"Mi\0" + b"4A1B2C3D\0")
        self.stage(MAIL, b"<joe@example.org>\0")
        self.stage(RCPT, b"<ann@example.com>\0")

    def begin(self, octets):
        """Sends a whole message up to its end; False where the filter wants no more of it."""
        header, _, body = octets.partition(b"\r\n\r\n")
        self.envelope()
        for field in re.split(rb"\r\n(?![ \t])", header):
            name, _, value = field.partition(b":")
            value = value.lstrip(b" ").replace(b"\r\n", b"\n").replace(b"\0", b" ")
            if not self.stage(FIELD, name + b"\0" + value + b"\0"):
                return False
        if not self.stage(END_OF_HEADER, b""):
            return False
        for at in range(0, len(body), CHUNK):
            if not self.stage(BODY, body[at:at + CHUNK]):
                break
        self.send(b"E")
        self.flush()
        return True

    def message(self, octets):
        """Sends a whole message, and gives the final word; None where it came before the end."""
        if not self.begin(octets):
            return None
        while (word := self.receive()[0]) not in (b"a", b"c", b"r", b"t", b"d", b"y"):
            pass
        return word
