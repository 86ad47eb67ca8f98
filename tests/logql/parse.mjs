// Reads a JSON list of LogQL texts, writes for each whether Grafana's grammar takes it whole.
import { readFileSync } from "node:fs";
import { parser } from "@grafana/lezer-logql";

const texts = JSON.parse(readFileSync(0, "utf8"));
const verdicts = texts.map((text) => {
  let sound = true;
  parser.parse(text).iterate({ enter: (node) => { sound &&= !node.type.isError; } });
  return sound;
});
process.stdout.write(JSON.stringify(verdicts));
