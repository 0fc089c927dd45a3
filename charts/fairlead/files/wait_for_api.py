"""Waits until the API server serves ModelRuntimes; run by the chart after its CRDs were created."""

import os
import ssl
import time
import urllib.request
from pathlib import Path

account = Path("/var/run/secrets/kubernetes.io/serviceaccount")
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
url = f"https://{f'[{host}]' if ':' in host else host}:{port}/apis/fairlead.dev/v1alpha1"
tls = ssl.create_default_context(cafile=account / "ca.crt")
request = urllib.request.Request(url, headers={"Authorization": f"Bearer {(account / 'token').read_text()}"})
while True:
    try:
        with urllib.request.urlopen(request, timeout=5, context=tls) as answer:
            if b'"modelruntimes"' in answer.read():
                break
    except OSError as problem:
        print(f"not yet: {problem}", flush=True)
    time.sleep(0.5)
print("the API server serves ModelRuntimes")
