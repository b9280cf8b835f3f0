# syntax=docker/dockerfile:1.7
# Packshot for Kubernetes and single machines. Two variants, weights baked in or mounted at /opt/packshot/models:
#   docker build -t packshot:0.1.0-cpu .
#   docker build -t packshot:0.1.0-cuda --build-arg VARIANT=cuda .
#   docker build -t packshot:0.1.0-cpu --build-arg MODELS=mounted .
# For builds that never differ give the base by digest: --build-arg BASE=python:3.11.14-slim-bookworm@sha256:...
ARG BASE=python:3.11.14-slim-bookworm
ARG VARIANT=cpu
ARG MODELS=baked

FROM ${BASE} AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY studio studio
COPY connectors connectors
COPY templates templates
COPY cluster cluster
COPY pipelines pipelines
COPY serve_apps serve_apps
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM ${BASE} AS environment
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:${PATH}
WORKDIR /src
COPY constraints.txt ./

# With --build-arg TORCH_INDEX=<an index of wheels without CUDA> torch takes 0.2 GB in place of 3; without it, pip's own index serves.
FROM environment AS install-cpu
ARG TORCH_INDEX=
RUN python -m pip install --no-cache-dir ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} \
    "$(grep --max-count=1 '^torch==' constraints.txt)"
COPY --from=wheel /dist /dist
RUN python -m pip install --no-cache-dir --constraint constraints.txt /dist/*.whl

# Torch's wheels bring CUDA and cuDNN, which onnxruntime-gpu finds once torch is imported; the driver comes from the node.
FROM environment AS install-cuda
COPY --from=wheel /dist /dist
RUN python -m pip install --no-cache-dir --constraint constraints.txt /dist/*.whl \
    && python -m pip uninstall --yes onnxruntime \
    && python -m pip install --no-cache-dir --no-deps "onnxruntime-gpu==$(sed --quiet 's/^onnxruntime==//p' constraints.txt)"
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM install-${VARIANT} AS installed

FROM installed AS models-baked
ENV PACKSHOT_WEIGHTS=/opt/packshot/models
RUN packshot models fetch && packshot models verify

FROM installed AS models-mounted
RUN mkdir -p /opt/packshot/models

FROM models-${MODELS} AS models

FROM installed AS final
COPY --from=models /opt/packshot/models /opt/packshot/models
RUN groupadd --gid 1000 packshot \
    && useradd --uid 1000 --gid packshot --home-dir /var/packshot --create-home --shell /usr/sbin/nologin packshot
ENV HOME=/var/packshot PACKSHOT_HOME=/var/packshot PACKSHOT_WEIGHTS=/opt/packshot/models \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 RAY_USAGE_STATS_ENABLED=0
WORKDIR /var/packshot
VOLUME ["/var/packshot", "/tmp"]
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=6 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["packshot"]
CMD ["serve", "--host", "0.0.0.0"]
