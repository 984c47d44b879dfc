// A SAML identity provider by Auth0's implementation, which shares no code with the console's.
// Usage: node serve.mjs ISSUER KEY CERTIFICATE; prints its address and ends with standard input.
// Who is known there, and what it knows of the service, is told by PUT; asked, it always asks anew.
import { readFileSync } from "node:fs";

import express from "express";
import samlp from "samlp";

const [issuer, ...files] = process.argv.slice(2);
const [key, cert] = files.map((file) => readFileSync(file, "utf8"));
const people = new Map();
let service = {};

const app = express();
app.use(express.json(), express.urlencoded());
app.put("/people/:id", (request, response) => {
  people.set(request.params.id, { id: request.params.id, ...request.body });
  response.sendStatus(204);
});
app.put("/service", (request, response) => {
  service = request.body; // its address, and any option of samlp
  response.sendStatus(204);
});

app.get("/sso/FederationMetadata/2007-06/FederationMetadata.xml", samlp.metadata({ issuer, cert }));
app.get("/sso", (request, response) => {
  response.send('<form method="post"><input name="id"><button>Sign in</button></form>');
});
app.post("/sso", (request, response, next) => {
  const { acs, ...options } = service;
  const answer = samlp.auth({
    issuer,
    key,
    cert,
    destination: acs,
    recipient: acs,
    getUserFromRequest: () => people.get(request.body.id),
    getPostURL: (audience, asked, _, callback) => {
      const wanted = asked.documentElement.getAttribute("AssertionConsumerServiceURL");
      callback(null, wanted === acs ? acs : null); // null is answered with 401
    },
    ...options,
  });
  answer(request, response, next);
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
process.stdin.on("end", () => process.exit()).resume();
