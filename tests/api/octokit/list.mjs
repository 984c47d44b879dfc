// Lists an enterprise's consumed licenses and its sync status as any script with octokit does.
// Usage: node list.mjs BASE_URL TOKEN ENTERPRISE PER_PAGE; prints one JSON object.
import { Octokit } from "@octokit/rest";

const [baseUrl, auth, enterprise, perPage] = process.argv.slice(2);
const octokit = new Octokit({ auth, baseUrl });

const users = await octokit.paginate(
  "GET /enterprises/{enterprise}/consumed-licenses",
  { enterprise, per_page: Number(perPage), headers: { "X-GitHub-Api-Version": "2022-11-28" } },
  (response) => response.data.users,
);
const { data: status } = await octokit.request(
  "GET /enterprises/{enterprise}/license-sync-status",
  { enterprise },
);
const refusal = await octokit
  .request("GET /enterprises/{enterprise}/consumed-licenses", { enterprise: "nobody" })
  .catch((error) => ({ status: error.status, message: error.message }));

console.log(JSON.stringify({ users, status, refusal }));
