import * as v from "valibot";

export const Typed = v.object({ email: v.string(), amount: v.pipe(v.number(), v.integer()) });

export const objectWithN = { type: "object", required: ["n"] };

export const integerN = { type: "object", required: ["n"], properties: { n: { type: "integer" } } };
