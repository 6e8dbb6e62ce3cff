"""Calls Add of the Calculator by zeep, a client that this project did not
write.  Arguments: the WSDL file, two numbers, then pairs of a binding and an
address to call it at.  Prints the sums, one a line."""

import sys

import requests
import zeep

TIMEOUT_S = 3


def main():
    wsdl, a, b = sys.argv[1:4]
    session = requests.Session()
    session.trust_env = False
    transport = zeep.Transport(session=session, operation_timeout=TIMEOUT_S)
    client = zeep.Client(wsdl, transport=transport)
    for binding, address in zip(sys.argv[4::2], sys.argv[5::2]):
        service = client.create_service(
            "{urn:example:calculator}" + binding, address)
        print(service.Add(int(a), int(b)))


main()
