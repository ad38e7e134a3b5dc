import { RelayService } from "../../../src/gen/palaver/relay/v1/relay_service_pb.js";
import { openClient } from "../../surroundings/clients/open-client.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { halfAnswer, heldTurn } from "../kit/cluster.js";

export const relayEndpoint = defineCase({
  id: "auth/relay-endpoint",
  title: "what replicas serve to each other is refused without a credential, and with those of users",
  rules: ["RELAY-2"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links", "second_user"],
  mutant: "M32",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, links, precondition, random, target, use } = context;
    const { chatId, owner } = await heldTurn(context, halfAnswer);
    const { relay } = links(owner);
    const tokens = {
      "no credential": undefined,
      "the token of the chat's owner": target.tokenOf("alice"),
      "the token of another user": target.tokenOf("bob"),
      "the token of an admin": target.tokenOf("admin"),
      "a token that does not exist": random.nonce(),
    };
    for (const [whose, token] of Object.entries(tokens)) {
      if (token === undefined && whose !== "no credential") continue;
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const wire = { name: "grpc", claim: "grpc", httpVersion: "2" } as const;
      const client = use(openClient(wire, `http://127.0.0.1:${relay.port}`, { headers }));
      const call = use(
        client.call(RelayService.method.streamDeltas, {
          chatId,
          workerId: "00000000-0000-4000-8000-000000000000",
        }),
      );
      const end = await arrange(`an answer to a call with ${whose}`, "response", (signal) =>
        call.ended({ signal }),
      );
      check("RELAY-2", `a call with ${whose} is refused as one of nobody`, {
        expected: "UNAUTHENTICATED",
        observed: end.how === "failed" ? end.failure.code : end.how,
      });
      check("RELAY-2", `and is told nothing: ${whose}`, { expected: 0, observed: call.messages.length });
    }
    precondition("the calls have reached the replica", relay.journal.count("connected") > 0);
  },
});
