# Run: ./examples/meta/layers.sh http://localhost 9876, which sends this, once for each layer
# Calls its own server with an adaptor that starts one more server for the payload.


def run(request, payload_code_b64, payload_kwargs_b64):
    import subprocess

    script = """
        source ./examples/meta/bootstrap.sh
        bash -c "$(owtInOwt http://localhost "$@")"
    """
    payload = [str(args.port), payload_code_b64, payload_kwargs_b64]
    command = ["bash", "-c", script, "bootstrap", *payload]
    done = subprocess.run(command, stdout=subprocess.PIPE)
    # What a server further down says is said here.
    return (done.stdout, 502) if done.returncode else done.stdout
