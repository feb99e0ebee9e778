# Run: source examples/meta/bootstrap.sh; bash -c "$(owtInOwt http://localhost 9876 CODE_B64 KWARGS_B64)"
# For bash. Sends a server an adaptor that starts one more server, on the next port, and calls that.

# Prints the command; its parts hold nothing that a shell would change.
owtInOwt() {
  local url="$1" port="$2" payload_code_b64="$3" payload_kwargs_b64="$4"
  local adaptor kwargs
  adaptor=$(
    cat <<PYTHON
from multiprocessing import Process
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen


def run(request, payload_code_b64, payload_kwargs_b64):
    owt.args.port = args.port + 1
    deeper = Process(target=owt.main)
    deeper.start()
    payload = urlencode({"code_b64": payload_code_b64, "kwargs_b64": payload_kwargs_b64})
    try:
        return urlopen(f"$url:{owt.args.port}{request.path}?{payload}").read()
    except HTTPError as err:
        return err.read(), err.code
    finally:
        deeper.terminate()
        deeper.join()
PYTHON
  )
  kwargs="{\"payload_code_b64\": \"$payload_code_b64\", \"payload_kwargs_b64\": \"$payload_kwargs_b64\"}"
  echo curl --silent --show-error --fail-with-body --get \
    --data-urlencode "code_b64=$(base64 -w 0 <<<"$adaptor")" \
    --data-urlencode "kwargs_b64=$(base64 -w 0 <<<"$kwargs")" \
    "$url:$port"
}
