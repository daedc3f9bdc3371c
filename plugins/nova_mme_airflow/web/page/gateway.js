/** Requests to this page's API and to Airflow's own, and what went wrong with them in a sentence. */

// Wherever the deployment lies: this file is <base>/nova-mme/static/gateway.js.
const HOME = new URL("..", import.meta.url);

/** A request that was not answered as it should be: `message` is for people, `status` is 0 when nothing answered. */
export class Trouble extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Asks this page's API; raises Trouble. A request that is aborted raises what fetch raises: AbortError. */
export const ask = (path, body, signal) => send(new URL(`api/${path}`, HOME), body, signal);

/** What the ledger knows of a source, with a fresh link to it. */
export const askSource = (uri) => ask(`source?uri=${encodeURIComponent(uri)}`);

/** Starts a DAG through Airflow's public API, whose permissions count; returns the run as `{dag_id, run_id}`. */
export async function startRun(dagId, conf) {
  const address = new URL(`../api/v2/dags/${encodeURIComponent(dagId)}/dagRuns`, HOME);
  const started = await send(address, { logical_date: null, conf });
  return { dag_id: dagId, run_id: started.dag_run_id };
}

/** Where Airflow shows a run, given as `{dag_id, run_id}` or as "<DAG id>/<run id>"; null when there is none. */
export function runAddress(run) {
  const told = typeof run === "string" ? split(run) : run;
  if (!told?.dag_id || !told.run_id) return null;
  return new URL(`../dags/${encodeURIComponent(told.dag_id)}/runs/${encodeURIComponent(told.run_id)}`, HOME)
    .href;
}

/** Where one signs in. */
export const signInAddress = () => new URL("../auth/login/", HOME).href;

function split(name) {
  const [dagId, ...rest] = name.split("/");
  return { dag_id: dagId, run_id: rest.join("/") };
}

async function send(address, body, signal) {
  const request = { signal, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (body !== undefined) {
    request.method = "POST";
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  const answer = await fetch(address, request).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Trouble("Airflow's api-server cannot be reached. See whether it runs, then try again.", 0);
  });
  const document = await answer.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null; // a proxy's page, or nothing at all: the status has to do
  });
  if (answer.ok && document !== null) return document;
  throw new Trouble(explain(answer.status, document?.detail), answer.status);
}

function explain(status, detail) {
  if (status === 401) return "You are not signed in to Airflow, or no longer. Sign in, then try again.";
  if (status === 403) return "Your Airflow user may not do this. Ask an administrator for the permission.";
  if (typeof detail === "string" && detail) return detail;
  if (Array.isArray(detail))
    return detail.map((one) => `${(one.loc ?? []).slice(1).join(".")}: ${one.msg}`).join("; ");
  return `The api-server answered ${status} and did not say why. Its log will tell.`;
}
