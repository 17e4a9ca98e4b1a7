"""Reads NUL-separated values of Authentication-Results on standard input and prints, for each, the service and the results
that the authres package finds, or nothing."""
import sys
import authres

for value in sys.stdin.buffer.read().split(b"\0")[:-1]:
    try:
        field = authres.AuthenticationResultsHeader.parse_value(value.decode("latin-1"))
        words = [str(field.authserv_id)] + [f"{r.method}={r.result}" for r in field.results]
        print(" ".join(words).encode("ascii", "replace").decode())
    except Exception:
        print("")
