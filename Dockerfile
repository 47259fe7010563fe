# The program as one file, on nothing but glibc and certificates: no shell, no package manager, no root.
FROM oven/bun:1.4.4 AS build
WORKDIR /src
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile
COPY . .
ARG TARGETARCH=amd64
RUN case "$TARGETARCH" in amd64) target=linux-x64 ;; *) target="linux-$TARGETARCH" ;; esac \
  && bun build/binary.ts "$target" && mv "dist/liquidchat-$target" /liquidchat && mkdir -m 700 /data

FROM gcr.io/distroless/base-debian13:nonroot
COPY --from=build /liquidchat /liquidchat
COPY --from=build --chown=65532:65532 /data /data
ENV DATA_DIR=/data
WORKDIR /data
VOLUME /data
EXPOSE 8000
# SIGTERM ends it within eight seconds; stop_grace_period leaves it those.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/liquidchat", "health"]
ENTRYPOINT ["/liquidchat"]
