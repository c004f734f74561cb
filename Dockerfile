# Two stages: npm installs what the lockfile names, and only that and the sources go into the image.
FROM node:26-slim AS install
WORKDIR /wissel
COPY package.json package-lock.json .npmrc ./
# The image has its own Node, so the packages that carry one are left out.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:26-slim
WORKDIR /wissel
COPY --from=install /wissel/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY src src
COPY config config
# Nobody in the image is root, and nothing is writable but the state directory, which a volume may hold: operators' commands, and
# what makes the next start quicker. Records go to standard output.
RUN mkdir var && chown node:node var
USER node
ENV NODE_ENV=production
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9090/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["bin/wissel"]
CMD ["serve", "--config", "config"]
