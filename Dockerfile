# The command line of Account Export. Build it next to the packed tarball: docker build -t account-export .
FROM node:24-slim
COPY account-export-*.tgz /tmp/
RUN npm install --global --omit=dev --no-audit --no-fund /tmp/account-export-*.tgz && rm /tmp/account-export-*.tgz
USER node
WORKDIR /home/node
ENTRYPOINT ["account-export"]
