// Lists an enterprise's consumed licenses and its sync status as any script with octokit does.
// Usage: node list.mjs BASE_URL TOKEN ENTERPRISE PER_PAGE; prints one JSON object. After the first
// page it writes a line to standard error and waits for one on standard input.
import { once } from "node:events";

import { Octokit } from "@octokit/rest";

const [baseUrl, auth, enterprise, perPage] = process.argv.slice(2);
const octokit = new Octokit({ auth, baseUrl });

const users = [];
let first = true;
for await (const response of octokit.paginate.iterator(
  "GET /enterprises/{enterprise}/consumed-licenses",
  { enterprise, per_page: Number(perPage), headers: { "X-GitHub-Api-Version": "2022-11-28" } },
)) {
  users.push(...response.data.users);
  if (first) {
    first = false;
    console.error("first page");
    await once(process.stdin, "data");
    process.stdin.destroy();
  }
}
const { data: status } = await octokit.request(
  "GET /enterprises/{enterprise}/license-sync-status",
  { enterprise },
);
const refusal = await octokit
  .request("GET /enterprises/{enterprise}/consumed-licenses", { enterprise: "nobody" })
  .catch((error) => ({ status: error.status, message: error.message }));

console.log(JSON.stringify({ users, status, refusal }));
