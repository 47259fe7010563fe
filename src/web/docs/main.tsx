import "../style/tokens.css";
import "../style/base.css";
import "../style/parts.css";
import "./docs.css";
import { render } from "preact";
import { restoreTheme } from "../app/theme.ts";
import { Docs } from "./docs.tsx";

restoreTheme();
const [http, sockets] = await Promise.all(
  ["/api/openapi.json", "/api/asyncapi.json"].map(async (url) => (await fetch(url)).json()),
);
render(<Docs http={http} sockets={sockets} />, document.querySelector("#app")!);
