// SPDX-License-Identifier: MIT
// The document of the surface that this page belongs to is one level up.
window.ui = SwaggerUIBundle({
	url: "../openapi.json",
	dom_id: "#swagger-ui",
	deepLinking: true,
	validatorUrl: null,
	onComplete: () => {
		document.title = window.ui.specSelectors.info().get("title");
	},
});
