// Calls an adaptor: its source goes along with the request, as owt reads it from JSON.

const toBase64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** The fields of a call. Arguments go as JSON, which owt tells from base64 by its first letter. */
function makeRequest(code, kwargs, options = {}) {
  return { code_b64: toBase64(code), kwargs_b64: JSON.stringify(kwargs), ...options };
}

/** The URL of a call, for what can only GET, and for requests whose body is the adaptor's alone. */
function urlOf(url, code, kwargs) {
  return `${url}?${new URLSearchParams(makeRequest(code, kwargs))}`;
}

/** Sends a call and gives its answer, or what owt or the adaptor says instead, as an error. */
async function call(url, request, signal) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(request);
  return orError(await fetch(url, { method: "POST", headers, body, signal }));
}

/** Sends a call whose body is the adaptor's alone, such as a file. */
async function upload(url, body) {
  const headers = { "Content-Type": body.type };
  return orError(await fetch(url, { method: "POST", headers, body }));
}

async function orError(response) {
  if (response.ok) return response;
  throw new Error(await response.text());
}
