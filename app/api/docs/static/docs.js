/* Swagger UI over this service's own description. */
"use strict";

const SCHEME = /^(token|jwt|bearer)\s/i;

/* A token may be pasted alone: the header wants a word before it. */
function namedScheme(request) {
  const token = request.headers.Authorization;
  if (token && !SCHEME.test(token)) {
    request.headers.Authorization = `Token ${token.trim()}`;
  }
  return request;
}

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#interface",
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    filter: true,
    persistAuthorization: false,
    requestInterceptor: namedScheme,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
