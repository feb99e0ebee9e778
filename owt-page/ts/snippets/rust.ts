/** A call as Rust makes it with the crate `owt-client`. */

import { type Call, fieldsOf, FILE } from '../call.js';
import { urlOf } from '../address.js';
import { isJson } from '../literal.js';

export function rust({ draft, kwargs, files }: Call): string {
  const { fnName, pool, timeout } = fieldsOf(draft);
  const steps = [
    kwargs !== '' && `.kwargs(&${valueOf(kwargs)})`,
    draft.method !== 'POST' && `.method(Method::${draft.method})`,
    fnName !== undefined && `.fn_name(${text(fnName)})`,
    pool !== undefined && `.pool(${text(pool)})`,
    timeout !== undefined && `.timeout(std::time::Duration::from_secs_f64(${timeout}_f64))`,
    files.length > 0 &&
      `.form(form) // an owt_client::Form with ${files.map(({ name }) => `${FILE} ${text(name)}`).join(', ')}`,
  ];
  const calls = steps.filter((step) => step !== false).map((step) => `        ${step}\n`);
  return `use owt_client::{Adaptor, Client${draft.method === 'POST' ? '' : ', Method'}};

const CODE: &str = ${raw(draft.source)};

#[tokio::main]
async fn main() -> Result<(), owt_client::Error> {
    let client = Client::new(${text(urlOf(draft.path))})?;
    let adaptor = Adaptor::from_source(CODE);
    let reply = client
        .call(&adaptor)
${calls.join('')}        .send()
        .await?;
    println!("{}", reply.text().await?);
    Ok(())
}
`;
}

/** What only Python reads has to be written anew. */
function valueOf(kwargs: string): string {
  return isJson(kwargs) ? `serde_json::json!(${kwargs})` : `todo!(${text(kwargs)})`;
}

function text(value: string): string {
  return JSON.stringify(value).replace(/\\u([0-9a-f]{4})/g, '\\u{$1}');
}

function raw(source: string): string {
  let hashes = '#';
  while (source.includes(`"${hashes}`)) hashes += '#';
  return `r${hashes}"${source}"${hashes}`;
}
