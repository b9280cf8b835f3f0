"""Generated scenes through diffusers: what is asked (`brief`), who answers (`engine`), what is given up for memory (`ladder`)."""
