/** What containers are made of. No engine runs here: what the files say is held against the program, and its steps are taken by hand in a bare root. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { YAML } from "bun";
import { builtBinary } from "./support/binary.ts";
import { Person } from "./support/client.ts";
import { runProgram } from "./support/program.ts";
import { startServer } from "./support/server.ts";
import { freePort, tempDir } from "./support/services.ts";

const ROOT = join(import.meta.dir, "..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const named = (text: string) => [...text.matchAll(/^(?:# ?)?([A-Z_]+)=/gm)].map((match) => match[1]!);

type Service = {
  profiles?: string[];
  environment?: Record<string, string>;
  env_file?: { path: string }[];
  networks?: string[] | Record<string, unknown>;
  depends_on?: Record<string, unknown>;
  volumes?: string[];
  ports?: string[];
  read_only?: boolean;
  build?: string;
};
const compose = YAML.parse(read("compose.yml")) as {
  services: Record<string, Service>;
  networks: object;
  volumes: object;
};
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build);

describe("compose.yml", () => {
  test("one service stands alone; the others are the profile scale, which needs nothing that is not in it", () => {
    expect(services.filter(([, { profiles }]) => !profiles).map(([name]) => name)).toEqual(["liquidchat"]);
    expect(ours.map(([name]) => name)).toEqual(["liquidchat", "server-1", "server-2"]);
    for (const [name, { profiles, depends_on = {}, networks = [], volumes = [] }] of services) {
      for (const other of Object.keys(depends_on))
        expect([name, other, compose.services[other]?.profiles]).toEqual([name, other, profiles]);
      for (const network of Array.isArray(networks) ? networks : Object.keys(networks))
        expect(Object.keys(compose.networks)).toContain(network);
      for (const volume of volumes) {
        const [source = ""] = volume.split(":");
        expect([source, source.startsWith(".") ? existsSync(join(ROOT, source)) : source in compose.volumes]).toEqual([
          source,
          true,
        ]);
      }
    }
  });

  test("every setting is one of the program's, and no secret stands in the file", () => {
    const settings = named(read(".env.example"));
    for (const [name, { environment = {}, read_only }] of ours) {
      expect([name, read_only]).toEqual([name, true]);
      for (const key of Object.keys(environment))
        expect([name, key, settings.includes(key)]).toEqual([name, key, true]);
    }
    for (const key of named(read("deploy/scale.env.example")))
      expect([key, settings.includes(key) || ["DOMAIN", "POSTGRES_PASSWORD"].includes(key)]).toEqual([key, true]);
    expect(read("compose.yml")).not.toMatch(/(PASSWORD|SECRET_KEY|_KEY):/);
    expect(read(".gitignore")).toContain("deploy/scale.env\n");
  });

  test("the servers trust the proxy, which is where they think it is, and reach it over nothing else", () => {
    const proxy = (compose.services.proxy!.networks as Record<string, { ipv4_address: string }>).front!.ipv4_address;
    for (const name of ["server-1", "server-2"]) {
      expect(compose.services[name]!.environment!.TRUSTED_PROXIES).toBe(proxy);
      expect(compose.services[name]!.ports).toBeUndefined();
      expect(read("deploy/Caddyfile")).toContain(`${name}:8000`);
    }
  });
});

describe("the Dockerfile", () => {
  const dockerfile = read("Dockerfile");

  test("builds with the Bun of package.json, from files that are there, and copies nothing that is kept out", () => {
    const wanted = JSON.parse(read("package.json")).engines.bun.replace(">=", "");
    expect(dockerfile).toContain(`FROM oven/bun:${wanted} `);
    const kept = read(".dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    for (const file of kept) expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
    expect(kept).toEqual(expect.arrayContaining(["package.json", "bun.lock", "build", "drizzle", "src"]));
  });

  test("ends as nobody in particular, with the program as the whole of it", () => {
    const last = dockerfile.split(/^FROM /m).at(-1)!;
    expect(last).toMatch(/^gcr\.io\/distroless\/[\w-]+:nonroot\n/);
    expect(last).not.toContain("RUN");
    expect(last).toContain('ENTRYPOINT ["/liquidchat"]');
    expect(last).toContain('CMD ["/liquidchat", "health"]');
  });
});

test("by hand: a root with the binary and glibc alone, read-only, as another user: it serves, is healthy, and writes to its volume only", async () => {
  if (process.platform !== "linux" || process.geteuid!() !== 0) {
    if (process.env.CI) throw new Error("this test makes a bare root, which needs root");
    return console.warn("*** SKIPPED: making a bare root needs root");
  }
  const root = await tempDir();
  const binary = builtBinary();
  const libraries = Bun.spawnSync(["ldd", binary]).stdout.toString().match(/\/\S+/g)!;
  for (const library of libraries) {
    mkdirSync(dirname(join(root, library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  copyFileSync(binary, join(root, "liquidchat"));
  for (const folder of ["data", "proc", "dev"]) mkdirSync(join(root, folder));
  Bun.spawnSync([
    "sh",
    "-c",
    `chmod 755 ${root} && chmod 755 ${root}/liquidchat && chown 65532:65532 ${root}/data && chmod 700 ${root}/data`,
  ]);
  // What an engine does: mounts of its own, the root read-only, the volume not, /proc and /dev, another user without capabilities.
  const container = [
    "unshare",
    "--mount",
    "sh",
    "-ec",
    `mount --bind ${root} ${root}
     mount --bind ${root}/data ${root}/data
     mount -t proc proc ${root}/proc
     mount --rbind /dev ${root}/dev
     mount -o remount,bind,ro ${root}
     cd ${root}
     exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid chroot --userspec=65532:65532 --groups= ${root} /liquidchat "$@"`,
    "liquidchat",
  ];
  const env = { DATA_DIR: "/data", HOST: "0.0.0.0", PORT: `${await freePort()}` };
  const server = await startServer(env, [], container);
  const ada = await Person.signUp(server.url);
  expect((await ada.post("/api/chat/global/messages/", { content: "from inside" })).status).toBe(201);
  expect((await fetch(`${server.url}/page.js`)).status).toBe(200);
  const health = await runProgram(["health"], env, { program: container });
  expect([health.code, JSON.parse(health.out).status]).toEqual([0, "ready"]);
  expect((await runProgram(["create-admin", ada.name], env, { program: container })).err).toBe("");
  expect((await ada.get("/api/auth/me/")).body.role).toBe("admin");
  const readOnly = await runProgram(["serve"], { ...env, DATA_DIR: "/elsewhere" }, { program: container });
  expect([readOnly.code, readOnly.err]).toEqual([1, expect.stringContaining("DATA_DIR: cannot use /elsewhere")]);
  await server.kill();
  expect((await runProgram(["health"], env, { program: container })).code).toBe(1);
  expect(statSync(join(root, "data/pg")).uid).toBe(65_532);
  expect(existsSync(join(root, "data/control.sock"))).toBe(false);

  const again = await startServer(env, [], container);
  expect((await ada.at(again.url).get("/api/chat/global/messages/")).body.length).toBe(1);
  await again.kill();
}, 120_000);
