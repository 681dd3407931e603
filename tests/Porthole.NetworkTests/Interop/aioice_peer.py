"""The other side of the interoperability tests: one ICE connection of aioice.

Prints its description as a line of JSON, reads the other side's from standard input, connects, says "hello from aioice", and from
then on answers every datagram with "aioice: " before it, until a datagram says "end" or standard input ends.
"""

import asyncio
import json
import sys

import aioice


def report(**fields):
    print(json.dumps(fields), flush=True)


async def main(controlling):
    connection = aioice.Connection(ice_controlling=controlling, components=1, use_ipv6=False)
    await connection.gather_candidates()
    report(
        event="description",
        ufrag=connection.local_username,
        pwd=connection.local_password,
        candidates=[candidate.to_sdp() for candidate in connection.local_candidates],
    )
    remote = json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))
    connection.remote_username = remote["ufrag"]
    connection.remote_password = remote["pwd"]
    for candidate in remote["candidates"]:
        await connection.add_remote_candidate(aioice.Candidate.from_sdp(candidate))
    await connection.add_remote_candidate(None)
    await connection.connect()
    report(event="connected")
    await connection.send(b"hello from aioice")
    while True:
        data = await connection.recv()
        report(event="data", text=data.decode())
        if data == b"end":
            break
        await connection.send(b"aioice: " + data)
    await connection.close()
    report(event="closed")


asyncio.run(asyncio.wait_for(main(sys.argv[1] == "controlling"), 180))
