// Decides calls to AWS by their policies, as the IAM simulator of a third party understands IAM.
// Reads [{principal, action, resource, account, context, identity, attached}] on stdin, where identity
// and attached are policies or null; writes for each call whether it is allowed.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const calls = JSON.parse(readFileSync(0));
const allowed = [];
for (const call of calls) {
  const answer = await runSimulation({
    request: {
      principal: call.principal,
      action: call.action,
      resource: { resource: call.resource, accountId: call.account },
      contextVariables: call.context,
    },
    identityPolicies: call.identity === null ? [] : [{ name: "identity", policy: call.identity }],
    resourcePolicy: call.attached === null ? undefined : call.attached,
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  }, {});
  // A key that the action does not have is dropped without a word: the answer would be to another question.
  if (answer.resultType !== "single" || answer.result.ignoredContextKeys.length > 0) {
    throw new Error(`the simulator cannot decide ${JSON.stringify(call)}: ${JSON.stringify(answer.errors ?? answer.result?.ignoredContextKeys)}`);
  }
  allowed.push(answer.overallResult === "Allowed");
}
console.log(JSON.stringify(allowed));
