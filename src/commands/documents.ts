import { version } from "../../package.json";
import { asyncapi } from "../protocol/asyncapi.ts";
import { openapi } from "../protocol/openapi.ts";
import { type Command, readArgs } from "./command.ts";

const print = (name: string, help: string, make: (version: string) => object): Command => ({
  name,
  help,
  async run(args) {
    readArgs(args, {});
    console.log(JSON.stringify(make(version), null, 2));
    return 0;
  },
});

export const printOpenapi = print("openapi", "Prints the OpenAPI 3.1 document of the HTTP API.", openapi);
export const printAsyncapi = print("asyncapi", "Prints the AsyncAPI 3.0 document of the sockets.", asyncapi);
