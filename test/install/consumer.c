/* SPDX-License-Identifier: MIT */
/* A program outside the tree, against libshoal: the headers and the library that it runs with are
 * of one version, what stands on other libraries is linked, and a cluster can be made and taken
 * down. */
#include <shoal/shoal.h>
#include <stdio.h>

int
main(void)
{
	struct shoal_config config;
	struct shoal_cluster *cluster;
	char text[SHOAL_ADDR_TEXT];
	int number;

	printf("shoal %s\n", shoal_version(&number));
	if (number != SHOAL_VERSION_NUMBER)
		return 1;
	printf("%s, %s\n", shoal_compressor_snappy() != NULL ? "snappy" : "no snappy",
	        shoal_cipher_aes_gcm() != NULL ? "aes-gcm" : "no aes-gcm");
	shoal_config_init(&config);
	config.bind = "127.0.0.1:0";
	if (shoal_cluster_new(&cluster, &config) != 0 || shoal_cluster_start(cluster) != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
		return 1;
	}
	if (shoal_cluster_address(cluster, text, sizeof(text)) != 0)
		return 1;
	printf("bound %s\n", text);
	return shoal_cluster_free(cluster) == 0 ? 0 : 1;
}
