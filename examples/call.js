// Calls an adaptor: its source goes along with the request, as owt reads it from JSON.

const toBase64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** The fields of a call. Arguments go as JSON, which owt tells from base64 by its first letter. */
function makeRequest(code, kwargs, options = {}) {
  return { code_b64: toBase64(code), kwargs_b64: JSON.stringify(kwargs), ...options };
}

/** Sends a call, and gives its response; what owt or the adaptor says instead is the error's text. */
async function call(url, request, signal) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
    signal,
  });
  if (!response.ok) throw new Error(await response.text());
  return response;
}
