# The tool in a Debian 13:
#   docker build -t crema .
#   docker run --rm -v "$PWD:/work" crema train --solver solver.prototxt
FROM debian:13 AS build
WORKDIR /source
COPY scripts/common.sh scripts/install_deps.sh scripts/
RUN apt-get update && apt-get install -qy --no-install-recommends dpkg-dev && scripts/install_deps.sh
COPY . .
RUN scripts/package.sh

FROM debian:13-slim
COPY --from=build /source/build/package/crema_*.deb /tmp/
RUN apt-get update && apt-get install -qy --no-install-recommends /tmp/crema_*.deb && \
    rm -rf /tmp/crema_*.deb /var/lib/apt/lists/*
RUN useradd --create-home crema
USER crema
WORKDIR /work
ENTRYPOINT ["crema"]
CMD ["--help"]
