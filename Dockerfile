# millrace: the API and the workers, in one image.
#
#   docker build -t millrace .
#   docker run --rm millrace worker --help
#
# BASE is any Debian-like image with Node 20.19 or newer, npm, sh and env. For builds that can be repeated, name it
# by its digest: --build-arg BASE=node:24-slim@sha256:…
ARG BASE=node:24-slim

# Compiles src/ to dist/. Nothing else of this stage is kept.
FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

# What runs beside it: the dependencies without those of development.
FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${BASE}
# The embedded Faktory, which keeps nothing over a restart, refuses to run in production.
ENV NODE_ENV=production
# Workers answer the health check there.
ENV METRICS_PORT=9090
WORKDIR /app
# Handlers that are mounted at /handlers find `millrace` here, and it is the one that runs them.
RUN mkdir /node_modules && ln -s /app /node_modules/millrace
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json deploy/healthcheck.mjs ./
COPY examples examples

USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 CMD ["node", "/app/healthcheck.mjs"]
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["--help"]
